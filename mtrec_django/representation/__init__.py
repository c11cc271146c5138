"""Features become vectors: frozen encoders and what is made of their output."""

"""Pictures for products that have none: drawn from their words, the same for ever."""

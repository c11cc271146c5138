"""A small shop for gifts and homeware; its pages know nothing of how a recommendation comes about."""

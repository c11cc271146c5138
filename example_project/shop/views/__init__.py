"""The shop's pages. They call `track` where something happened and know nothing else of the recommender."""

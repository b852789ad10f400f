"""What language models may ask of a store: tools over the verbs, and the Model Context Protocol around them."""

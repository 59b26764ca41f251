"""How rows become files: one module per form of delivery."""

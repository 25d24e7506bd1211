"""How users will rate items: factors drawn from what ratings leave open, and what follows from them."""

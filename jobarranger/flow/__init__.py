"""How a run moves: joins, conditions and variables (pure), and the transactions around them."""

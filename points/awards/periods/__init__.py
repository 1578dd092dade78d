"""What a rulebook gives by itself: levels, rankings, grants to groups, opening balances; and gifts between people."""

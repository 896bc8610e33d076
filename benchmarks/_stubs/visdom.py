"""In visdom's place: adv-lib imports it for drawing while it attacks, which nobody asks for here."""

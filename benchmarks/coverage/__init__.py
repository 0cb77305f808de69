"""How often an interval lets a subject pass whose truth lies on the bound, by simulation."""

"""Small files in the layouts of microscopes' software, which no kept library writes."""

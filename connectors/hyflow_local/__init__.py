"""hyflow's connector for this machine."""

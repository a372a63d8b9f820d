"""hyflow's connector for any machine that a shell command reaches."""

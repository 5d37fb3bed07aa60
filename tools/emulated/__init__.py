"""Models on the emulated cores of Raspberry Pis."""

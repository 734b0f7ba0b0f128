"""Model and corpus to model, as parameters x mixture x objectives, in one loop."""

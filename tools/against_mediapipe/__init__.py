"""Shared by compare_mediapipe and benchmark_mediapipe: MediaPipe in an environment of its own."""

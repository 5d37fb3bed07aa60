"""What compare_mediapipe and benchmark_mediapipe share: MediaPipe in an environment of its own."""

"""The toolchain that makes `models/`: MediaPipe's float graphs in, quantised graphs out.

It needs no TensorFlow: a graph is read from its flatbuffer into plain values (:mod:`.graph`),
transformed, and written again with LiteRT's own schema.
"""

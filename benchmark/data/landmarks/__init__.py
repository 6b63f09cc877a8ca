"""Landmarks of faces: where they come from, how they are kept, how they are read.

    precomputed     files the user has, .npy, .pkl or .csv of (T, K, 2), K = 5 or 68   (files.py)
    yunet           OpenCV's FaceDetectorYN, five points; the user passes the model    (yunet.py)
    face_alignment  68 points of the package face-alignment, an optional extra         (fan.py)

`bench data landmarks` runs a provider over a dataset and writes landmarks/<path without
suffix>.npy, read from then on by the crops "lip", "face" and "speaker". LRW's fixed window
("fixed_lrw", crops.py) needs no landmarks and is no provider of them.
"""

"""One picture step by step: paint it, find the face, measure its quality, cut it, encode it."""

import pandas as pd

import facies
from facies.imaging import align_face, measure_quality

person = pd.DataFrame({"photo_id": ["a"], "participant_id": ["p1"], "age": [68.0], "sex": ["female"]})
painted = facies.simulate_faces(person, random_state=1, size=320)
image = painted.images[0]

detector = facies.load_detector("facies-finder")
face = detector.detect(image)[0]
print(
    f"found with score {face.score:.2f}; eyes at {face.points[:2].round(1).tolist()}, painted at {painted.points[0][:2].round(1).tolist()}"
)

for name, value in measure_quality(image, face).items():
    print(f"{name:25} {value:8.2f}")

encoder = facies.load_encoder("hog")
contract = encoder.card.crop.found_by(detector.name, detector.sha256)
vector = encoder.encode(align_face(image, face.points, contract)[None])[0]
print(f"{encoder.card.name}: {len(vector)} numbers; crop contract {contract.digest()}")

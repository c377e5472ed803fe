"""Train a classifier on the wine data that scikit-learn ships: 13 measurements tell the cultivar."""

import sys

import joblib
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 7


def main(path: str) -> None:
    data = load_wine()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=0.25, random_state=SEED, stratify=data.target
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(train_x, train_y)
    print(f"accuracy on {len(test_y)} wines the model has not seen: {model.score(test_x, test_y):.3f}")
    joblib.dump({"model": model, "features": data.feature_names, "classes": list(data.target_names)}, path)


if __name__ == "__main__":
    main(sys.argv[1])

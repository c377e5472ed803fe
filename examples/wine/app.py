"""The wine model as a web service: POST measurements to /predict."""

from pathlib import Path

import joblib
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

# The file was made by an earlier stage of the same image; nothing from outside is ever loaded.
_trained = joblib.load(Path(__file__).with_name("model.joblib"))
_model, _features, _classes = _trained["model"], _trained["features"], _trained["classes"]

app = FastAPI(title="Wine")


class Wine(BaseModel):
    """The 13 measurements of one wine, in the order that /features tells."""

    measurements: list[float] = Field(min_length=13, max_length=13)


class Prediction(BaseModel):
    cultivar: str
    probability: float


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/features")
def features() -> list[str]:
    return list(_features)


@app.post("/predict")
def predict(wine: Wine) -> Prediction:
    try:
        probabilities = _model.predict_proba([wine.measurements])[0]
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    best = int(probabilities.argmax())
    return Prediction(cultivar=str(_classes[best]), probability=round(float(probabilities[best]), 4))

"""A model for MLServer that gives its input back: the elements pass through as MLServer decoded them, without a copy into numpy."""

from mlserver import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput


class Identity(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        one = payload.inputs[0]
        output = ResponseOutput(name="OUTPUT0", shape=one.shape, datatype=one.datatype, data=one.data, parameters=one.parameters)
        return InferenceResponse(model_name=self.name, outputs=[output])

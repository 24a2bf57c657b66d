import type { Tensor } from '../../../core/inference/index.ts';
import { detectionPlanes, fitForDetection } from '../reading/index.ts';
import { floatTensor, readPicture, resizePicture } from '../vision/index.ts';
import { portOf, tensorAt, type Operator, type OperatorWork } from './operator.ts';

/** A picture's file → its pixels, and the same picture as a text detector takes it. */
export const readPictureOperator: Operator = {
  inputs: [portOf('IMAGE', 'BYTES', [1])],
  outputs: [portOf('PIXELS', 'UINT8', [-1, -1, 3]), portOf('PLANES', 'FP32', [1, 3, -1, -1])],
  async begin(inputs: readonly Tensor[]): Promise<OperatorWork> {
    // A `BYTES` element is its length and then itself.
    const picture = await readPicture(tensorAt(inputs, 0).data.subarray(4));
    const small = await resizePicture(picture, fitForDetection(picture));
    return () => [
      { name: 'PIXELS', datatype: 'UINT8', shape: [picture.height, picture.width, 3], data: picture.pixels },
      floatTensor('PLANES', [1, 3, small.height, small.width], detectionPlanes(small)),
    ];
  },
};

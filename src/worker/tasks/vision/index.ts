export { ClassifyPicture } from './classify-picture.ts';
export { DetectObjects } from './detect-objects.ts';
export { readFileSummary, readTextFile } from './model-files.ts';
export { readPicture, resizePicture, type Picture } from './picture.ts';
export { floatsOf, floatTensor, onlyInput, probePicture, requirePicture } from './picture-task.ts';
export { writePlanes, type PixelScaling } from './pixel-planes.ts';

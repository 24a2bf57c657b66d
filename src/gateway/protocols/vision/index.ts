export { registerVision } from './register-vision.ts';

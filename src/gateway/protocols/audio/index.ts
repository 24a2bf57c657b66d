export { registerAudio } from './register-audio.ts';

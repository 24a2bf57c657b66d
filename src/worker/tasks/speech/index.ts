export { openSpeechTask } from './speech-task.ts';

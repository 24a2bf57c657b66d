export { registerFeedback } from './register-feedback.ts';

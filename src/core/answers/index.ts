export { AnswerLooks, looksOfAnswer } from './answer-looks.ts';

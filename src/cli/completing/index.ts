export { formatCompletion, type CompletionShell } from './format-completion.ts';

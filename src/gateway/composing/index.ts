export { createCompose, type ComposeOptions } from './compose-steps.ts';

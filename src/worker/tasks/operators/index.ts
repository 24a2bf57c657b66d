export { openOperatorTask } from './open-operator-task.ts';

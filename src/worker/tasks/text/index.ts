export { openTextTask } from './open-text-task.ts';

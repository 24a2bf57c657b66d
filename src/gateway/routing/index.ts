export { createRoute } from './route.ts';

export { chooseVersion } from './choose-version.ts';
export { createRoute } from './route.ts';

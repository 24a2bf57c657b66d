export type { Routed, RouteWish } from './choose-version.ts';
export { createRoute } from './route.ts';
export { createRouter, type RoutedCall, type Router } from './router.ts';

export { actorOf, openManagementPort, type ManagementPort, type ManagementPortOptions } from './management-port.ts';
export { registerHealthRoutes, type HealthFacts } from './register-health-routes.ts';
export { registerMetricsRoute, type MetricsSource } from './register-metrics-route.ts';
export { registerStatusRoutes, type StatusFacts } from './register-status-routes.ts';

import type { Config } from '../../core/config/index.ts';

const CHAT_SLOTS = 2;

/** The configuration of a serve for one conversation: free loopback ports, one model, one replica, few slots. */
export function choosePrivateConfig(config: Config, model: string): Config {
  const configured = config.models.find((entry) => typeof entry !== 'string' && entry.name === model);
  return {
    ...config,
    host: '127.0.0.1',
    port: 0,
    grpcPort: -1,
    managementHost: '127.0.0.1',
    managementPort: 0,
    tls: {},
    models: [configured ?? model],
    engine: { ...config.engine, replicas: 1, slots: Math.min(config.engine.slots, CHAT_SLOTS) },
  };
}

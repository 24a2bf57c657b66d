export * from './health_pb.ts';
export * from './inference_pb.ts';
export * from './model_config_pb.ts';
export * from './model_repository_pb.ts';

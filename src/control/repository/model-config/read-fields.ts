import { isMessage, type ConfigMap, type ConfigMessage } from './config-message.ts';

/** Fields of a message that the parser has checked; what was not given has protobuf's default. */
export function textOf(message: ConfigMessage, field: string): string {
  const value = message[field];
  return typeof value === 'string' ? value : '';
}

/** A number, or 0. */
export function numberOf(message: ConfigMessage, field: string): number {
  const value = message[field];
  return typeof value === 'number' ? value : 0;
}

/** Whether a bool was given and is true. */
export function isSet(message: ConfigMessage, field: string): boolean {
  return message[field] === true;
}

/** An inner message; undefined when it was not given. */
export function messageOf(message: ConfigMessage, field: string): ConfigMessage | undefined {
  const value = message[field];
  return isMessage(value) ? value : undefined;
}

/** The messages of a repeated field, in order. */
export function messagesOf(message: ConfigMessage, field: string): readonly ConfigMessage[] {
  const value = message[field];
  return Array.isArray(value) ? value.filter((item) => isMessage(item)) : [];
}

/** The numbers of a repeated field, in order; true counts as 1. */
export function numbersOf(message: ConfigMessage, field: string): readonly number[] {
  const value = message[field];
  return Array.isArray(value) ? value.map(Number) : [];
}

/** The entries of a map, by key. */
export function mapOf(message: ConfigMessage, field: string): ConfigMap {
  const value = message[field];
  return value instanceof Map ? value : new Map<string, ConfigMessage>();
}

/** The texts of a repeated field, in order. */
export function textsOf(message: ConfigMessage, field: string): readonly string[] {
  const value = message[field];
  return Array.isArray(value) ? value.map(String) : [];
}

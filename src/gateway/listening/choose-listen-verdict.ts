/** What decides whether an address is safe to listen on. */
export interface ListenFacts {
  readonly host: string;
  readonly isLoopback: boolean;
  readonly hasTls: boolean;
  readonly hasKeys: boolean;
  readonly allowsInsecureListen: boolean;
}

/** Neither field: nothing speaks against it. */
export interface ListenVerdict {
  /** Why the gateway must not listen there, and what to do about it. */
  readonly refusal?: string;
  /** What to log before listening all the same. */
  readonly warning?: string;
}

/** Whether it is safe to listen on an address: beyond loopback only with keys and TLS; TLS may be left to a proxy when that is said. */
export function chooseListenVerdict(facts: ListenFacts): ListenVerdict {
  if (facts.isLoopback) return {};
  if (!facts.hasKeys) {
    return { refusal: `Refusing to listen on ${facts.host} without an API key. Create one with: plinth keys create` };
  }
  if (facts.hasTls) return {};
  if (facts.allowsInsecureListen) {
    return {
      warning: `Listening on ${facts.host} without TLS, as security.allowInsecureListen says: keys and prompts travel in clear text.`,
    };
  }
  const ways = [
    'set tls.certFile and tls.keyFile',
    'listen on 127.0.0.1',
    'behind a proxy that ends TLS, set security.allowInsecureListen to true',
  ];
  return { refusal: `Refusing to listen on ${facts.host} without TLS. Either ${ways.join(', or ')}.` };
}

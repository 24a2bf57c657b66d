export { answerClientError, type FormatError } from './answer-client-error.ts';
export { chooseListenVerdict, type ListenFacts, type ListenVerdict } from './choose-listen-verdict.ts';
export { closeListener, createListener, listen, type Listener, type ListenerOptions } from './create-listener.ts';
export { createSocketListener, type SocketListener, type SocketListenerOptions } from './create-socket-listener.ts';
export { readTlsFiles, watchTlsFiles, type TlsFiles, type TlsMaterial } from './tls-files.ts';

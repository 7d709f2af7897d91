import {
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';

import { ChrysError } from '../base/errors.js';
import { statusOf } from './status.js';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** What happens to one call. Whatever it throws ends the call with the status that the error means. */
export interface CallHandler<Request> {
  /** The next request; none follows before `call.read()`. */
  onRequest(request: Request): void;
  /** The client sends no more. */
  onHalfClose(): void;
  /** The call is over, whoever ended it. Nothing can be sent any more. */
  onEnd(): void;
}

/** What a handler can do with its call. */
export interface DirectCall {
  readonly peer: string;
  /** Milliseconds since the epoch, or Infinity. */
  readonly deadlineMs: number;
  /** Asks for the next request. */
  read(): void;
  /**
   * `sent` runs when the message has left for the connection, and never when the call ended first: then the connection may
   * still be reading the message.
   */
  send(message: unknown, sent: () => void): void;
  /** Ends the call well, after what was sent. In the same breath as `send`, both leave in one write. */
  finish(): void;
  /** Ends it with the status that the error means. Of several ends, the first counts. */
  fail(error: unknown): void;
}

export type DirectHandlers = Readonly<Record<string, (call: DirectCall) => CallHandler<never>>>;

/**
 * Answers the RPCs of these paths on the interface of grpc-js that lies below its Node streams. A stream with its
 * events, iterators and abort signals costs the main thread as much as everything else of a small frame's call
 * (docs/design/performance.md).
 */
export function directCalls(handlers: DirectHandlers): ServerInterceptor {
  return (method, call) => {
    const handler = Object.hasOwn(handlers, method.path) ? handlers[method.path] : undefined;
    if (handler === undefined) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: () => {
        // Nothing is passed on to the handler that grpc-js knows for this path.
        call.start(listenerOf(call, handler, method.requestStream));
      },
    });
  };
}

function listenerOf(
  call: ServerInterceptingCallInterface,
  handlerOf: (call: DirectCall) => CallHandler<never>,
  mayBeEmpty: boolean,
): Listener {
  let hadRequest = false;
  let over = false;
  const end = (outcome: { code: status; details: string }): void => {
    if (over) return;
    over = true;
    call.sendStatus(outcome);
  };
  const direct: DirectCall = {
    peer: call.getPeer(),
    deadlineMs: deadlineMsOf(call),
    read: () => {
      call.startRead();
    },
    send: (message, sent) => {
      // Callers of one camera are served one after the other: what goes wrong with one must not reach the next.
      guarded(() => {
        call.sendMessage(message, sent);
      });
    },
    finish: () => {
      end({ code: status.OK, details: '' });
    },
    fail: (error) => {
      end(statusOf(error));
    },
  };
  const handler = handlerOf(direct);
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      direct.fail(error);
    }
  };
  return {
    onReceiveMetadata: () => {
      call.startRead();
    },
    onReceiveMessage: (request: never) => {
      hadRequest = true;
      guarded(() => {
        handler.onRequest(request);
      });
    },
    onReceiveHalfClose: () => {
      guarded(() => {
        if (!hadRequest && !mayBeEmpty) {
          throw new ChrysError('invalid_argument', 'the call ended without a request: send one message');
        }
        handler.onHalfClose();
      });
    },
    onCancel: () => {
      handler.onEnd();
    },
  };
}

function deadlineMsOf(call: ServerInterceptingCallInterface): number {
  const deadline = call.getDeadline();
  return typeof deadline === 'number' ? deadline : deadline.getTime();
}

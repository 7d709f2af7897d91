import {
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';

import { ChrysError } from '../base/errors.js';
import { statusOf } from './status.js';

type Listener = Parameters<ServerInterceptingCallInterface['start']>[0];

/** Handles one call. An error that it throws ends the call with the status of that error. */
export interface CallHandler<Request> {
  /** The next request. No other one follows before `call.read()`. */
  onRequest(request: Request): void;
  /** The client sends no more. */
  onHalfClose(): void;
  /** The call has ended. Nothing can be sent any more. */
  onEnd(): void;
}

/** The operations of a handler on its call. */
export interface DirectCall {
  readonly peer: string;
  /** Milliseconds since the epoch, or Infinity. */
  readonly deadlineMs: number;
  /** Requests the next message of the client. */
  read(): void;
  /**
   * Calls `sent` when the connection has taken the message. It is not called when the call ended first, because the
   * connection may then still be reading the message.
   */
  send(message: unknown, sent: () => void): void;
  /** Ends the call with OK. In the same turn as `send`, both leave in one write. */
  finish(): void;
  /** Ends the call with the status of the error. The first end of a call counts. */
  fail(error: unknown): void;
}

export type DirectHandlers = Readonly<Record<string, (call: DirectCall) => CallHandler<never>>>;

/**
 * Answers the RPCs of these paths through the interceptor interface of grpc-js, below its Node streams. A stream with its
 * events, iterators and abort signals costs the main thread as much as everything else in the call of a small frame
 * (docs/design/performance.md).
 */
export function directCalls(handlers: DirectHandlers): ServerInterceptor {
  return (method, call) => {
    const handler = Object.hasOwn(handlers, method.path) ? handlers[method.path] : undefined;
    if (handler === undefined) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: () => {
        // The handler that is registered with grpc-js for this path is not called.
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
      // Callers of one camera are served in one loop: the error of one must not reach the next.
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
          throw new ChrysError('invalid_argument', 'The call ended without a request. Send one message.');
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

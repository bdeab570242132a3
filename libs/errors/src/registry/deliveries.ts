import { section } from '../section.js';

export const deliveries = section({
  title: 'Actions and deliveries',
  groups: [
    {
      lead: 'The delivery is retried, or parked for a person to look at. Replaying a parked one is in the store’s port; a command for it comes later.',
      codes: {
        RAPPORT_ACTION_FAILED: {
          what: 'The action says that it did not deliver, and why.',
          todo: 'Read the reason; the delivery is retried where that may help.',
        },
        RAPPORT_ACTION_THREW: {
          what: 'The action threw.',
          todo: 'Correct the plugin.',
        },
        RAPPORT_ACTION_INVALID: {
          what: 'The action returned something that is not an outcome.',
          todo: 'Correct the plugin.',
        },
        RAPPORT_ACTION_TIMEOUT: {
          what: 'It took too long.',
          todo: '`limits.deliveryMs` is the limit.',
        },
        RAPPORT_ACTION_MEMORY: {
          what: 'It took more memory than the worker has.',
          todo: 'Correct the plugin; `limits.memoryMb` is the limit.',
        },
        RAPPORT_ACTION_CRASHED: {
          what: 'It ended the plugin worker.',
          todo: 'Correct the plugin.',
        },
        RAPPORT_ACTION_INTERRUPTED: {
          what: 'Another delivery ended the worker during this one.',
          todo: 'Nothing: it is retried.',
        },
        RAPPORT_DELIVERY_GAVE_UP: {
          what: 'Too many attempts were started and none finished.',
          todo: 'Find what ends the process, then replay it.',
        },
        RAPPORT_ERASE_REFUSED: {
          what: 'Nobody said yes, so nothing was erased.',
          todo: 'Answer `y`, or add `--yes`.',
          exit: 'refused',
        },
        RAPPORT_DELIVERY_NOT_FOUND: {
          says: 'no parked delivery has the key "{key}"; "rapport deliver" lists those that are parked',
          what: 'No parked delivery has that key.',
          todo: '`rapport deliver` lists the parked ones with their keys.',
          exit: 'notFound',
        },
        RAPPORT_DELIVERY_NO_ACTION: {
          what: 'Its action is not loaded.',
          todo: 'Install or correct the action, then replay it.',
        },
        RAPPORT_DELIVERY_NOT_CONFIGURED: {
          what: 'Its action has no valid configuration.',
          todo: 'Fill in `actions` in `rapport.json`, then replay it.',
        },
      },
    },
  ],
});

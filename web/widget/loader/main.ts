// The classic script `widget.js`. It reads its options from its own element.

import { load } from './load';
import { optionsOf } from './options';

const script = document.currentScript;
if (script instanceof HTMLScriptElement) load(optionsOf(script));

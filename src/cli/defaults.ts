/** Where commands look for what a user does not name. */
import { fileURLToPath } from 'node:url';

/** Where data sets are fetched to; the default of --data. */
export const defaultDataDirectory = 'data';

/** Where the config of the default run lies, whatever the current folder is. */
export const defaultConfig = fileURLToPath(new URL('../../configs/cifar10.yaml', import.meta.url));

/** Where that of a retraining lies. */
export const defaultRetrainConfig = fileURLToPath(new URL('../../configs/retrain/cifar10.yaml', import.meta.url));

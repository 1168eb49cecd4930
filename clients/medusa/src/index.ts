/** The provider, as Medusa's Analytics Module loads it. */

import { ModuleProvider, Modules } from "@medusajs/framework/utils";

import { MillpondAnalyticsService } from "./services/millpond";

export type { MillpondOptions } from "./options";

export default ModuleProvider(Modules.ANALYTICS, { services: [MillpondAnalyticsService] });

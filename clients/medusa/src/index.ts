/** The provider that Medusa's Analytics Module loads. */

import { ModuleProvider, Modules } from "@medusajs/framework/utils";

import { MillpondAnalyticsService } from "./services/millpond";

export type { MillpondOptions } from "./options";

export default ModuleProvider(Modules.ANALYTICS, { services: [MillpondAnalyticsService] });

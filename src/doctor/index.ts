export { DoctorResult } from "./schemas.ts";
export { doctorRoutes } from "./routes.ts";
export { examine } from "./examine.ts";

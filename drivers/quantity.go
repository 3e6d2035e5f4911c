package drivers

// Quantity is what a number measures. It fixes unit, Home Assistant's device and state class, and the decimals that are published and
// shown, so that no driver writes those by hand. testdata/ha holds Home Assistant's own tables; a test compares.
type Quantity struct {
	Unit, DeviceClass, StateClass string
	Decimals                      int
}

// At is q with another number of decimals: the field's own resolution.
func (q Quantity) At(decimals int) Quantity { q.Decimals = decimals; return q }

// The quantities.
var (
	None             = Quantity{}                                                // a text, an enumeration, on or off
	Count            = Quantity{StateClass: "measurement"}                       // a bare number
	Number           = Quantity{}                                                // a number without statistics: a code, a rating without unit
	Voltage          = Quantity{"V", "voltage", "measurement", 1}                //
	CellVoltage      = Quantity{"V", "voltage", "measurement", 3}                //
	Current          = Quantity{"A", "current", "measurement", 1}                //
	Power            = Quantity{"W", "power", "measurement", 0}                  //
	ApparentPower    = Quantity{"VA", "apparent_power", "measurement", 0}        //
	ReactivePower    = Quantity{"var", "reactive_power", "measurement", 0}       //
	PowerFactor      = Quantity{"", "power_factor", "measurement", 2}            //
	Energy           = Quantity{"kWh", "energy", "total_increasing", 3}          // a lifetime counter
	StoredEnergy     = Quantity{"kWh", "energy_storage", "measurement", 2}       //
	Frequency        = Quantity{"Hz", "frequency", "measurement", 1}             //
	Temperature      = Quantity{"°C", "temperature", "measurement", 1}           //
	TemperatureDelta = Quantity{"°C", "temperature_delta", "measurement", 1}     //
	StateOfCharge    = Quantity{"%", "battery", "measurement", 0}                // one a device: Home Assistant's battery badge
	Percent          = Quantity{"%", "", "measurement", 0}                       //
	Charge           = Quantity{"Ah", "", "measurement", 1}                      // Home Assistant has no class for it
	Humidity         = Quantity{"%", "humidity", "measurement", 1}               //
	AbsoluteHumidity = Quantity{"g/m³", "absolute_humidity", "measurement", 1}   //
	AirPressure      = Quantity{"hPa", "atmospheric_pressure", "measurement", 1} //
	GasResistance    = Quantity{"Ω", "", "measurement", 0}                       //
	AirQualityIndex  = Quantity{"", "aqi", "measurement", 0}                     //
	CarbonDioxide    = Quantity{"ppm", "carbon_dioxide", "measurement", 0}       //
	Volatiles        = Quantity{"ppb", "volatile_organic_compounds_parts", "measurement", 0}
	Illuminance      = Quantity{"lx", "illuminance", "measurement", 0}      //
	Duration         = Quantity{"s", "duration", "measurement", 0}          //
	Minutes          = Quantity{"min", "duration", "measurement", 0}        //
	Milliseconds     = Quantity{"ms", "duration", "measurement", 0}         //
	SignalStrength   = Quantity{"dBm", "signal_strength", "measurement", 0} //
	Timestamp        = Quantity{DeviceClass: "timestamp"}                   // a text, RFC 3339
	Problem          = Quantity{DeviceClass: "problem"}                     // the rest are classes of an on or off
	Connectivity     = Quantity{DeviceClass: "connectivity"}                // on = connected
	BatteryCharging  = Quantity{DeviceClass: "battery_charging"}            //
	PowerPresent     = Quantity{DeviceClass: "power"}                       // on = there is power
	Running          = Quantity{DeviceClass: "running"}                     //
)

// Of the weather, of what is expected, and of the air.
var (
	Irradiance             = Quantity{"W/m²", "irradiance", "measurement", 0}
	Irradiation            = Quantity{"kWh/m²", "", "measurement", 2} // of a day; Home Assistant has no class for it
	WindSpeed              = Quantity{"km/h", "wind_speed", "measurement", 1}
	Direction360           = Quantity{Unit: "°"} // 0 = north, 90 = east; a mean of angles would mean nothing
	PrecipitationIntensity = Quantity{"mm/h", "precipitation_intensity", "measurement", 1}
	Precipitation          = Quantity{"mm", "precipitation", "measurement", 1}
	ExpectedEnergy         = Quantity{"kWh", "energy", "", 2} // no counter: nothing to add up
	VapourPressureDeficit  = Quantity{"kPa", "pressure", "measurement", 2}
)

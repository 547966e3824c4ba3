package sqltext

import (
	"maps"
	"slices"
	"strings"
)

// harmless has the functions of both MySQL and MariaDB that may be called twice and leave nothing, and the keywords that can stand
// before a parenthesis. Not in it: SLEEP and BENCHMARK, which cost what they cost again; UUID_SHORT, which counts; the
// functions of sequences; those that wait for replication; and all that is not built in, because a stored function may do
// anything.
var harmless = words(`
abs acos adddate addtime aes_decrypt aes_encrypt against all and any as ascii asin atan atan2 avg between bigint bin
binary bit bit_and bit_count bit_length bit_or bit_xor blob by case cast ceil ceiling char char_length character
character_length charset coalesce coercibility collation columns compress concat concat_ws connection_id contains conv
convert convert_tz cos cot count crc32 cume_dist curdate current_date current_role current_time current_timestamp
current_user curtime database date date_add date_format date_sub datediff datetime day dayname dayofmonth dayofweek
dayofyear dec decimal default degrees desc describe dense_rank distinct div double else elt except exists exp explain
export_set extract extractvalue field find_in_set first_value float floor for force format from from_base64 from_days
from_unixtime geometrycollection get_format greatest group group_concat having hex hour if ifnull ignore in index
inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr int integer intersect interval is_free_lock is_ipv4
is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock isnull join json_array json_array_append json_array_insert
json_arrayagg json_contains json_contains_path json_depth json_extract json_insert json_keys json_length json_merge
json_merge_patch json_merge_preserve json_object json_objectagg json_overlaps json_pretty json_quote json_remove
json_replace json_search json_set json_table json_type json_unquote json_valid json_value key lag last_day last_value
lcase lead least left length like limit linestring ln load_file localtime localtimestamp locate log log10 log2 lower
lpad ltrim make_set makedate maketime match max mbrcontains mbrdisjoint mbrequals mbrintersects mbroverlaps mbrtouches
mbrwithin microsecond mid min minute mod month monthname multilinestring multipoint multipolygon name_const nchar not
now nth_value ntile nullif numeric nvarchar oct octet_length of on or ord over partition password percent_rank
period_add period_diff pi point polygon position pow power quarter quote radians rand random_bytes rank real regexp
regexp_instr regexp_replace regexp_substr replace reverse right rlike round row row_number rpad rtrim schema
sec_to_time second select separator session_user sha2 sign signed sin some soundex space sqrt st_area st_asbinary
st_asgeojson st_astext st_aswkb st_aswkt st_buffer st_centroid st_contains st_convexhull st_crosses st_difference
st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring
st_geomcollfromtext st_geomcollfromwkb st_geometrycollectionfromtext st_geometrycollectionfromwkb st_geometryfromtext
st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb st_interiorringn
st_intersection st_intersects st_isclosed st_isempty st_issimple st_length st_linefromtext st_linefromwkb
st_linestringfromtext st_linestringfromwkb st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb
st_mpolyfromtext st_mpolyfromwkb st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext
st_multipointfromwkb st_multipolygonfromtext st_multipolygonfromwkb st_numgeometries st_numinteriorrings st_numpoints
st_overlaps st_pointfromtext st_pointfromwkb st_pointn st_polyfromtext st_polyfromwkb st_polygonfromtext
st_polygonfromwkb st_srid st_startpoint st_symdifference st_touches st_union st_within st_x st_y std stddev stddev_pop
stddev_samp str_to_date straight_join strcmp subdate substr substring substring_index subtime sum sysdate system_user
tan then time time_format time_to_sec timediff timestamp timestampadd timestampdiff to to_base64 to_days to_seconds
trim truncate ucase uncompress uncompressed_length unhex union unix_timestamp unsigned updatexml upper use user using
utc_date utc_time utc_timestamp uuid values var_pop var_samp varbinary varchar variance version week weekday
weekofyear weight_string when where xor year yearweek
`)

// harmlessMariaDB has those that only MariaDB has, since 10.11 or longer. MD5 and its like are here because MySQL has given them up.
var harmlessMariaDB = words(`
add_months area asbinary astext aswkb aswkt boundary buffer centroid chr column_check column_create column_exists
column_get column_json column_list concat_operator_oracle convexhull crc32c crosses decode decode_histogram
decode_oracle des_decrypt des_encrypt dimension disjoint encode encrypt endpoint envelope equals exteriorring
geomcollfromtext geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext geometryfromwkb
geometryn geometrytype geomfromtext geomfromwkb glength interiorringn intersects isclosed isempty isring issimple
json_compact json_detailed json_equals json_exists json_loose json_normalize json_query lengthb linefromtext
linefromwkb linestringfromtext linestringfromwkb lpad_oracle ltrim_oracle mbrequal md5 median mlinefromtext
mlinefromwkb mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestringfromtext multilinestringfromwkb
multipointfromtext multipointfromwkb multipolygonfromtext multipolygonfromwkb natural_sort_key numgeometries
numinteriorrings numpoints nvl nvl2 old_password overlaps percentile_cont percentile_disc pointfromtext pointfromwkb
pointn pointonsurface polyfromtext polyfromwkb polygonfromtext polygonfromwkb replace_oracle rpad_oracle rtrim_oracle
sformat sha sha1 st_boundary st_isring st_pointonsurface st_relate startpoint substr_oracle sys_guid to_char touches
trim_oracle within x y
`)

// harmlessMySQL has those that only MySQL has, since 8.0 or longer.
var harmlessMySQL = words(`
any_value bin_to_uuid format_bytes format_pico_time grouping gtid_subset gtid_subtract is_uuid json_schema_valid
json_schema_validation_report json_storage_free json_storage_size lateral mbrcoveredby mbrcovers member
ps_current_thread_id regexp_like st_buffer_strategy st_collect st_frechetdistance st_geohash st_geomcollfromtxt
st_hausdorffdistance st_isvalid st_latfromgeohash st_latitude st_lineinterpolatepoint st_lineinterpolatepoints
st_longfromgeohash st_longitude st_makeenvelope st_numinteriorring st_pointatdistance st_pointfromgeohash st_simplify
st_swapxy st_transform st_validate statement_digest statement_digest_text uuid_to_bin validate_password_strength
`)

// isHarmless reports whether the server that m is for has a function of that name which is harmless. Where it has none a stored
// function may be called so. It takes lower case.
func isHarmless(function []byte, m Modes) bool {
	_, known := harmless[string(function)]
	if !known && m&MySQL != 0 {
		_, known = harmlessMySQL[string(function)]
	} else if !known {
		_, known = harmlessMariaDB[string(function)]
	}
	return known
}

// Functions returns the names, in lower case and in no order, of all that [Classify] takes for functions of a server's own.
func Functions() []string {
	known := []string{"last_insert_id", "row_count", "found_rows", "sleep", "benchmark", "uuid_short"}
	for _, set := range []map[string]struct{}{harmless, harmlessMariaDB, harmlessMySQL} {
		known = slices.AppendSeq(known, maps.Keys(set))
	}
	return known
}

func words(list string) map[string]struct{} {
	set := make(map[string]struct{})
	for name := range strings.FieldsSeq(list) {
		set[name] = struct{}{}
	}
	return set
}

// aggregates make one row of none. MariaDB does not count it where it knows without looking that there is none.
var aggregates = words(`avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev stddev_pop
stddev_samp sum var_pop var_samp variance`)

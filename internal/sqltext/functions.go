package sqltext

import "strings"

// harmless has the functions of MySQL and MariaDB that may be called twice and leave nothing, and the keywords that can stand
// before a parenthesis. Not in it: SLEEP and BENCHMARK, which cost what they cost again; UUID_SHORT, which counts; the
// functions of sequences; those that wait for replication; and all that is not built in, because a stored function may do
// anything.
var harmless = words(`
abs acos acosh add_months adddate addtime aes_decrypt aes_encrypt against all analyse and any any_value area as asbinary
ascii asin astext aswkb aswkt atan atan2 avg between bigint bin bin_to_uuid binary bit bit_and bit_count bit_length
bit_or bit_xor blob boundary buffer by case cast
ceil ceiling centroid char char_length character character_length charset chr coalesce coercibility collation
column_check column_create column_exists column_get column_json column_list columns compress concat
concat_operator_oracle concat_ws connection_id contains conv convert convert_tz convexhull cos cot count crc32 crc32c
crosses cume_dist curdate current_date current_role current_time current_timestamp current_user curtime database date
date_add date_format date_sub datediff datetime day dayname dayofmonth dayofweek dayofyear dec decimal decode
decode_histogram decode_oracle default degrees desc describe dense_rank des_decrypt des_encrypt dimension disjoint distance distinct
div double else elt encode encrypt endpoint envelope equals except exists exp explain export_set exteriorring extract
extractvalue field find_in_set first_value float floor for force format format_bytes format_pico_time from from_base64
from_days from_unixtime geomcollfromtext geomcollfromwkb geometrycollection geometrycollectionfromtext
geometrycollectionfromwkb geometryfromtext geometryfromwkb geometryn geometrytype geomfromtext geomfromwkb get_format
glength greatest group group_concat grouping gtid_subset gtid_subtract having hex hour if ifnull ignore in index
inet4_aton inet4_ntoa inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr int integer interiorringn intersect
intersects interval is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_used_lock is_uuid isclosed isempty
isnull isring issimple join json_array json_array_append json_array_insert json_array_intersect json_arrayagg
json_compact json_contains json_contains_path json_depth json_detailed json_equals json_exists json_extract json_insert
json_key_value json_keys json_length json_loose json_merge json_merge_patch json_merge_preserve json_normalize
json_object json_object_filter_keys json_object_to_array json_objectagg json_overlaps json_pretty json_query json_quote
json_remove json_replace json_schema_valid json_schema_validation_report json_search json_set json_storage_free
json_storage_size json_table json_type json_unquote json_valid json_value kdf key lag last_day last_value lateral lcase lead
least left length lengthb like limit linefromtext linefromwkb linestring linestringfromtext linestringfromwkb ln
load_file localtime localtimestamp locate log log10 log2 lower lpad lpad_oracle ltrim ltrim_oracle make_set makedate
maketime match max mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps
mbrtouches mbrwithin md5 median member microsecond mid min minute mlinefromtext mlinefromwkb mod month monthname
mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestring multilinestringfromtext multilinestringfromwkb
multipoint multipointfromtext multipointfromwkb multipolygon multipolygonfromtext multipolygonfromwkb name_const
natural_sort_key nchar not now nth_value ntile nullif numeric numgeometries numinteriorrings numpoints nvarchar nvl nvl2
oct octet_length of old_password on or ord over overlaps partition password percent_rank percentile_cont percentile_disc
period_add period_diff pi point pointfromtext pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygon
polygonfromtext polygonfromwkb position pow power ps_current_thread_id quarter quote radians rand random_bytes rank real regexp regexp_instr
regexp_like regexp_replace regexp_substr replace replace_oracle reverse right rlike round row row_number
rpad rpad_oracle rtrim rtrim_oracle schema sec_to_time second select separator session_user sformat sha sha1 sha2 sign
signed sin some soundex space sqrt st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt st_boundary st_buffer
st_buffer_strategy st_centroid st_collect st_contains st_convexhull st_crosses st_difference st_dimension st_disjoint
st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring st_frechetdistance st_geohash
st_geomcollfromtext st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext st_geometrycollectionfromwkb
st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson st_geomfromtext st_geomfromwkb
st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed st_isempty st_isring st_issimple
st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb st_lineinterpolatepoint
st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash st_longitude st_makeenvelope
st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext st_mpolyfromwkb
st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb st_multipolygonfromtext
st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints st_overlaps
st_pointatdistance st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface st_polyfromtext
st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_relate st_simplify st_srid st_startpoint st_swapxy
st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y startpoint statement_digest
statement_digest_text std stddev stddev_pop stddev_samp str_to_date straight_join strcmp string_to_vector subdate substr
substr_oracle substring substring_index subtime sum sys_guid sysdate system_user tan then time time_format time_to_sec
timediff timestamp timestampadd timestampdiff to to_base64 to_char to_days to_seconds to_vector touches trim trim_oracle
truncate ucase uncompress uncompressed_length unhex union unix_timestamp unsigned updatexml upper use user using
utc_date utc_time utc_timestamp uuid uuid_to_bin uuid_v4 uuid_v7 uuidv4 uuidv7 validate_password_strength values var_pop
var_samp varbinary varchar variance vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext
vector_dim vector_to_string version week weekday weekofyear weight_string when where within x xor y year yearweek
`)

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
